import { PullError } from "./errors.js";

/**
 * The way to a server: straight, or by the proxy that the environment names. Node's own fetch knows of none before
 * Node 24, so undici's is taken, which is Node's fetch as a package; only where a proxy is named is it loaded.
 */
export interface Route {
  readonly fetch: typeof globalThis.fetch;
  /** What there is to say of the proxy where an error of `fetch` is the proxy's. */
  proxyFailure(error: unknown): ProxyFailure | undefined;
  /** Ends its connections, which would hold up the process. */
  close(): Promise<void>;
}

export interface ProxyFailure {
  /** What the proxy answered; absent where it cannot be reached. */
  readonly status?: number;
  readonly text: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const STRAIGHT: Route = {
  fetch: (input, init) => globalThis.fetch(input, init),
  proxyFailure: () => undefined,
  close: async () => undefined,
};

/** A variable in lower case counts before the one in upper case, as with curl; an empty one is none. */
function variable(env: Environment, name: string): { name: string; value: string } | undefined {
  for (const each of [name.toLowerCase(), name]) {
    const value = env[each];
    if (value !== undefined) return value.trim() === "" ? undefined : { name: each, value };
  }
  return undefined;
}

/** The proxy's address; one without a scheme is http, as with curl. */
function proxyOf(env: Environment, name: string): string | undefined {
  const found = variable(env, name);
  if (found === undefined) return undefined;
  const value = found.value.trim();
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return url.href;
  throw new PullError(
    "PULL_PROXY",
    `${found.name} does not name a proxy that can be used: give it as http://HOST:PORT or ` +
      "https://HOST:PORT, or unset it.",
  );
}

/**
 * Looks for HTTPS_PROXY, HTTP_PROXY (which stands in for the other) and NO_PROXY, in upper or lower case.
 *
 * @throws PullError where a variable names no proxy
 */
export async function openRoute(env: Environment = process.env): Promise<Route> {
  const httpProxy = proxyOf(env, "HTTP_PROXY");
  const httpsProxy = proxyOf(env, "HTTPS_PROXY") ?? httpProxy;
  // Bun's own fetch takes the proxy from the environment, and its undici is not this one.
  if (httpsProxy === undefined || process.versions.bun !== undefined) return STRAIGHT;
  const { EnvHttpProxyAgent, fetch, Pool } = await import("undici");
  const unreached = new WeakMap<object, string>();
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: httpProxy ?? "",
    httpsProxy,
    noProxy: variable(env, "NO_PROXY")?.value ?? "",
    clientFactory: (origin, options) => {
      const pool = new Pool(origin, options);
      pool.on("connectionError", (_origin, _targets, error) => {
        unreached.set(error, origin.host);
      });
      return pool;
    },
  });
  const throughProxy = (url: string, init: object) => fetch(url, { ...init, dispatcher });
  return {
    fetch: throughProxy as unknown as typeof globalThis.fetch,
    proxyFailure: (error) => failureOf(error, unreached),
    close: () => dispatcher.destroy(),
  };
}

/** The first among an error and its causes that is the proxy's. */
function failureOf(error: unknown, unreached: WeakMap<object, string>): ProxyFailure | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const host = unreached.get(cause);
    if (host !== undefined) {
      return { text: `The proxy ${host} can not be reached (${code ?? message})` };
    }
    const status = /^Proxy response \((\d+)\)/.exec(message)?.[1];
    if (status !== undefined) {
      const why = status === "407" ? " and asks for a name and a password" : "";
      return { status: Number(status), text: `The proxy answers ${status}${why}` };
    }
  }
  return undefined;
}
