import { useEffect, useState } from 'preact/hooks'
import { loading } from '../api/client.ts'

const afterMs = 300

/** Says whether the page still loads its code or data, with a thin bar when that is slow. */
export function LoadingBar() {
  const [isSlow, setSlow] = useState(false)
  const isLoading = loading.value > 0
  useEffect(() => {
    if (!isLoading) return setSlow(false)
    const timer = setTimeout(() => setSlow(true), afterMs)
    return () => clearTimeout(timer)
  }, [isLoading])
  return (
    <div class="loading" aria-busy={isLoading}>
      {isSlow && <progress class="loading-bar" aria-label="Loading" />}
    </div>
  )
}
