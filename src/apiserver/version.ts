/** Which Kubernetes the server's answers are like. */
export const KUBERNETES_VERSION = {
  major: '1',
  minor: '37',
  gitVersion: 'v1.37.0+tortie',
} as const;

/** /version. */
export function versionInfo() {
  return {
    ...KUBERNETES_VERSION,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: `node ${process.version}`,
    platform: `${process.platform}/${process.arch}`,
  };
}
