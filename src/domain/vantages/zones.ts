const emptyZone = 'zone:'

/** The zones of a vantage; `zone:NAME` stands for a zone without a vantage. */
export const zonesOf = ({ vantage, zones }: { vantage: string; zones: readonly string[] }): string[] =>
  vantage.startsWith(emptyZone) ? [vantage.slice(emptyZone.length)] : [...zones]
