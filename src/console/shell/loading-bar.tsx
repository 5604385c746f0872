import { useEffect, useState } from 'preact/hooks'
import { loading } from '../api/resource.ts'

const afterMs = 300

/** A thin bar while requests are slow. */
export function LoadingBar() {
  const [isSlow, setSlow] = useState(false)
  const isLoading = loading.value > 0
  useEffect(() => {
    if (!isLoading) return setSlow(false)
    const timer = setTimeout(() => setSlow(true), afterMs)
    return () => clearTimeout(timer)
  }, [isLoading])
  return isSlow ? <progress class="loading-bar" aria-label="Loading" /> : null
}
