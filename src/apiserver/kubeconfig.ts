/** The file with which kubectl, tortiectl and the agents find this server and prove who they are. */
import { stringify } from 'yaml';
import type { Role } from './tokens.ts';

export interface Access {
  url: string;
  role: Role;
  token: string;
  /** PEM; absent over plain HTTP. */
  authority?: string;
}

export function kubeconfig({ url, role, token, authority }: Access): string {
  const name = 'tortie';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: {
          server: url,
          ...(authority !== undefined && {
            'certificate-authority-data': Buffer.from(authority).toString('base64'),
          }),
        },
      },
    ],
    users: [{ name: role, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: role } }],
    'current-context': name,
  });
}
