import { testBodies } from '../support/measure-bodies.ts'

// Each JSON body goes to a few routes, and each route gets a few; PORTWARDEN_FUZZ_REQUESTS sends all to all.
testBodies({ routeStep: process.env.PORTWARDEN_FUZZ_REQUESTS ? 1 : 12, bodyStep: 1 })
