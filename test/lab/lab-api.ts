/** The API server of a lab, asked as its admin. */
import type { Lab } from '../../src/lab/lab.ts';

export async function send(
  lab: Lab,
  method: 'POST' | 'PATCH',
  path: string,
  object: object,
): Promise<void> {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const script = `
    token=$(sed -n 's/^ *token: //p' /etc/tortie/admin.kubeconfig | tr -d '"')
    exec curl -sSk --fail-with-body -X ${method} -H "Authorization: Bearer $token" \\
      -H 'Content-Type: ${type}' -d @- https://172.20.20.10:6443${path}`;
  await lab.mustRun('api', ['sh', '-c', script], JSON.stringify(object));
}

export async function apply(lab: Lab, resources: readonly object[]): Promise<void> {
  const file = resources.map((resource) => JSON.stringify(resource)).join('\n---\n');
  await lab.mustRun('api', ['tortiectl', 'apply', '-f', '-'], file);
}
