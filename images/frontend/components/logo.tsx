/** The default mark: a play edge inside cut glass, in the site's accent. */
export function Logo({ size = 28 }: { readonly size?: number }) {
  return (
    <svg aria-hidden="true" width={size} height={size} viewBox="0 0 32 32" fill="none">
      <path d="M16 2 28.5 9v14L16 30 3.5 23V9Z" fill="var(--accent)" fillOpacity=".18" stroke="var(--accent)" strokeWidth="2" strokeLinejoin="round" />
      <path d="M13 10.8v10.4a.8.8 0 0 0 1.2.7l8-5.2a.8.8 0 0 0 0-1.4l-8-5.2a.8.8 0 0 0-1.2.7Z" fill="var(--accent-strong)" />
    </svg>
  );
}
