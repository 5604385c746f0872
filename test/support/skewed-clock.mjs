// Loaded with --import: shifts every Date of the process by TEST_CLOCK_SKEW_MS; timers and performance.now() are as always.
const skewMs = Number(process.env.TEST_CLOCK_SKEW_MS)
const RealDate = Date
class SkewedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + skewMs)
    else super(...args)
  }
  static now() {
    return RealDate.now() + skewMs
  }
}
Object.defineProperty(SkewedDate, 'name', { value: 'Date' })
globalThis.Date = SkewedDate
