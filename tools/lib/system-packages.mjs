/** Which system packages bring a software WebGPU adapter or a Chromium, and how they are installed. */

const BACKPORTS_LIST = "/etc/apt/sources.list.d/bookworm-backports.list";
const BACKPORTS_LINE = "deb http://deb.debian.org/debian bookworm-backports main";

/**
 * @typedef {object} SystemPlan
 * @property {boolean} automatic root on a known apt system may run `script`
 * @property {string} script shell commands to be run as root, empty where none is known
 * @property {string} advice what to tell a person, one or a few lines
 */

/** The fields of /etc/os-release. */
export function parseOsRelease(text) {
  const fields = {};
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim());
    if (match !== null) fields[match[1]] = match[2] ?? match[3] ?? match[4];
  }
  return fields;
}

/**
 * How to get Mesa's lavapipe, a Vulkan driver on the CPU.
 * Debian 12's own Mesa (22.3.6) lacks the dynamic indexing that Dawn requires; its backport (25.0.7) has it.
 * @returns {SystemPlan}
 */
export function softwareAdapterPlan(system) {
  const packages = "mesa-vulkan-drivers libvulkan1";
  if (system.platform !== "linux")
    return noPlan("an up-to-date operating system and graphics driver");
  if (isBookworm(system.os)) {
    const add = `grep -rqs bookworm-backports /etc/apt/sources.list /etc/apt/sources.list.d || echo '${BACKPORTS_LINE}' > ${BACKPORTS_LIST}`;
    return aptPlan(system, packages, { before: add, release: "bookworm-backports" });
  }
  if (isDebianFamily(system.os)) return aptPlan(system, packages);
  if (system.os.ID === "fedora")
    return advise("sudo dnf install mesa-vulkan-drivers vulkan-loader");
  if (system.os.ID === "arch") return advise("sudo pacman -S vulkan-swrast vulkan-icd-loader");
  return noPlan("Mesa's Vulkan drivers (lavapipe), 23 or newer, and the Vulkan loader");
}

/**
 * How to get a Chromium that can be driven headless.
 * Ubuntu's `chromium` package only starts a snap, which does not work in containers: left to the person.
 * @returns {SystemPlan}
 */
export function chromiumPlan(system) {
  if (system.platform === "linux") {
    if (system.os.ID === "ubuntu") {
      return advise("sudo snap install chromium    # or install Google Chrome's .deb");
    }
    if (isDebianFamily(system.os)) return aptPlan(system, "chromium");
    if (system.os.ID === "fedora") return advise("sudo dnf install chromium");
    if (system.os.ID === "arch") return advise("sudo pacman -S chromium");
  }
  return noPlan("Chromium or Google Chrome (set CHROME_PATH if it is in an unusual place)");
}

function aptPlan(system, packages, { before, release } = {}) {
  const options = "-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3";
  const target = release === undefined ? "" : `-t ${release} `;
  const script = [
    ...(before === undefined ? [] : [`{ ${before}; }`]),
    `apt-get ${options} update`,
    `DEBIAN_FRONTEND=noninteractive apt-get ${options} install -y --no-install-recommends ${target}${packages}`,
  ].join(" && ");
  return {
    automatic: system.isRoot && system.hasApt,
    script,
    advice: `run: sudo sh -c "${script}"`,
  };
}

function advise(command) {
  return { automatic: false, script: "", advice: `run: ${command}` };
}

function noPlan(what) {
  return { automatic: false, script: "", advice: `install ${what}` };
}

function isBookworm(os) {
  return os.ID === "debian" && (os.VERSION_CODENAME === "bookworm" || os.VERSION_ID === "12");
}

function isDebianFamily(os) {
  return [os.ID, ...(os.ID_LIKE ?? "").split(" ")].some((id) => id === "debian" || id === "ubuntu");
}
