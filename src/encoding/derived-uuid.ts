import { v5 } from 'uuid'

// The namespace was drawn once, at random; it makes ours differ from other name-based ids (RFC 9562 section 5.5).
const namespace = 'a37e2c5e-0c1b-4f0b-9d51-6a3f0ed5a5a7'

/** The same parts give the same UUID (version 5), in every process and for ever. */
export const deriveUuid = (...parts: readonly string[]): string => v5(JSON.stringify(parts), namespace)
