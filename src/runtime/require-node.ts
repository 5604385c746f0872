/** The oldest Node that has the syntax of the sources; `engines` of package.json says the same. */
export const oldestNode = '24.7'

/** Ends the process where Node is older. It must run before other modules are imported, which an older Node cannot parse. */
export function requireNode(version = process.versions.node): void {
  if (!isOlder(version, oldestNode)) return
  process.stderr.write(`portwarden: Node ${oldestNode} or newer is needed, and this is Node ${version}\n`)
  process.exit(2)
}

/** Whether a version is older than another, by its major and minor number. */
export function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = than.split('.').map(Number)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}
