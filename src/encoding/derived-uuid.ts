import { v5 } from 'uuid'

// Random, chosen once (RFC 9562 section 5.5).
const namespace = 'a37e2c5e-0c1b-4f0b-9d51-6a3f0ed5a5a7'

/** A version 5 UUID; equal parts give equal UUIDs. */
export const deriveUuid = (...parts: readonly string[]): string => v5(JSON.stringify(parts), namespace)
