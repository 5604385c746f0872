/** The first seals; the others open what they sealed before. Each has 32 bytes. */
export type SealKeys = readonly [Uint8Array, ...Uint8Array[]]

export const sealKeyBytes = 32

/** Reads keys in base64 that white space separates; undefined where one is not valid, or there is none. */
export function parseSealKeys(text: string): SealKeys | undefined {
  const words = text.split(/\s+/).filter((word) => word !== '')
  const keys = words.map((word) => Buffer.from(word, 'base64'))
  const areWhole = keys.every((key, i) => key.length === sealKeyBytes && key.toString('base64') === words[i])
  const [first, ...others] = keys.map((key) => new Uint8Array(key))
  return areWhole && first ? [first, ...others] : undefined
}
