import { options } from 'preact'
import { useEffect, useState } from 'preact/hooks'

/** Whether the page is printed now: what only paper has is rendered before, and removed after. */
export function useIsPrinted(): boolean {
  const [isPrinted, setPrinted] = useState(false)
  useEffect(() => {
    const set = (value: boolean) => () => {
      const { debounceRendering } = options
      options.debounceRendering = (render) => render() // the browser takes the page when the event ends
      setPrinted(value)
      if (debounceRendering) options.debounceRendering = debounceRendering
      else delete options.debounceRendering
    }
    const [begin, end] = [set(true), set(false)]
    addEventListener('beforeprint', begin)
    addEventListener('afterprint', end)
    return () => {
      removeEventListener('beforeprint', begin)
      removeEventListener('afterprint', end)
    }
  }, [])
  return isPrinted
}
