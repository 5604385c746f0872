/** The endpoint of a rule in words: "port 22", "ports 135, 8000-8100". */
export const portText = ({
  port,
  ports,
}: {
  port: number
  ports?: readonly (string | number)[] | undefined
}): string => (ports ? `ports ${ports.join(', ')}` : `port ${port}`)
