import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A proxy on this machine that knows CONNECT and nothing else, and what it was asked. */
export interface ConnectProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** `HOST:PORT` of each tunnel that was asked for. */
  readonly asked: string[];
  /** The `Proxy-Authorization` header of each. */
  readonly credentials: (string | undefined)[];
  /** Answers tunnels still to come with these statuses, the last of them again and again; 200 opens the tunnel. */
  answer(...statuses: number[]): void;
  close(): Promise<void>;
}

export async function startConnectProxy(...first: number[]): Promise<ConnectProxy> {
  let statuses = first.length > 0 ? first : [200];
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };
  const server = createServer((_request, response) => void response.writeHead(400).end());
  server.on("connection", keep);
  server.on("connect", (request, socket: Socket, head: Buffer) => {
    asked.push(request.url ?? "");
    credentials.push(request.headers["proxy-authorization"]);
    const status = statuses.length > 1 ? (statuses.shift() as number) : statuses[0];
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      return;
    }
    const [host, port] = (request.url ?? "").split(":");
    const target = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.write(head);
      socket.pipe(target).pipe(socket);
    });
    keep(target);
    socket.on("close", () => target.destroy());
    target.on("close", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    asked,
    credentials,
    answer: (...next) => {
      statuses = next;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
