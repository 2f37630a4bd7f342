'use client'

// Who may do what, with which keys, and who did what.
import dynamic from 'next/dynamic'
import { PageFrame } from '@/components/PageFrame'
import { Skeleton } from '@/components/Skeleton'
import { Tabs, type Tab } from '@/components/Tabs'
import { useMay } from '@/features/auth/useMay'
import { useUrlState } from '@/lib/useUrlState'
import { AuditPanel } from './AuditPanel'

// Each with its forms, when it is looked at.
const loading = () => <Skeleton className="h-40 w-full rounded-lg" />
const KeysPanel = dynamic(() => import('./KeysPanel').then((all) => all.KeysPanel), { ssr: false, loading })
const PasswordPanel = dynamic(() => import('./PasswordPanel').then((all) => all.PasswordPanel), { ssr: false, loading })
const UsersPanel = dynamic(() => import('./UsersPanel').then((all) => all.UsersPanel), { ssr: false, loading })

export function SettingsPage() {
  const admin = useMay('admin')
  const [url, setUrl] = useUrlState({ tab: '' })
  const tabs: Tab[] = [
    ...(admin ? [{ key: 'users', label: 'Users', panel: () => <UsersPanel /> }] : []),
    { key: 'keys', label: 'API keys', panel: () => <KeysPanel /> },
    { key: 'password', label: 'My password', panel: () => <PasswordPanel /> },
    ...(admin ? [{ key: 'audit', label: 'Audit log', panel: () => <AuditPanel /> }] : []),
  ]
  return (
    <PageFrame here="/settings" title="Settings">
      <Tabs label="Settings" tabs={tabs} value={url.tab || tabs[0]!.key} onChange={(tab) => setUrl({ tab })} />
    </PageFrame>
  )
}
