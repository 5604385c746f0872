import { extname } from 'node:path'

/** The URL of the module `name` beside the one at `from`; both are TypeScript here, and JavaScript in the package. */
export const moduleBeside = (name: string, from: string): URL =>
  new URL(`${name}${extname(new URL(from).pathname)}`, from)
