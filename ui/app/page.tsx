import { GoTo } from '@/components/GoTo'

export default function Home() {
  return <GoTo href="/monitoring" />
}
