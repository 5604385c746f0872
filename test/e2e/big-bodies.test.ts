import { testBodies } from '../support/measure-bodies.ts'

// Each JSON body goes to one route; big-bodies.slow.test.ts sends more.
testBodies({ routeStep: 40, bodyStep: 3 })
