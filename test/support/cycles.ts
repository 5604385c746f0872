/** One cycle of each strongly connected component (Tarjan 1972); its last node is its first. */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const indexes = new Map<string, number>()
  const stack: string[] = []
  const cycles: string[][] = []

  const visit = (node: string): number => {
    const index = indexes.size
    let low = index
    indexes.set(node, index)
    stack.push(node)
    for (const next of edges.get(node) ?? []) {
      if (!indexes.has(next)) low = Math.min(low, visit(next))
      else if (stack.includes(next)) low = Math.min(low, indexes.get(next) ?? low)
    }
    if (low === index) {
      const component = new Set(stack.splice(stack.indexOf(node)))
      const cycle = shortestCycle(node, edges, component)
      if (cycle) cycles.push(cycle)
    }
    return low
  }
  for (const node of edges.keys()) if (!indexes.has(node)) visit(node)
  return cycles
}

/** The shortest way from a node back to itself inside its component; undefined when there is none. */
function shortestCycle(
  start: string,
  edges: ReadonlyMap<string, readonly string[]>,
  component: ReadonlySet<string>,
): string[] | undefined {
  const paths = [[start]]
  const seen = new Set<string>()
  for (const path of paths) {
    for (const next of edges.get(path[path.length - 1] as string) ?? []) {
      if (next === start) return [...path, start]
      if (!component.has(next) || seen.has(next)) continue
      seen.add(next)
      paths.push([...path, next])
    }
  }
  return undefined
}
