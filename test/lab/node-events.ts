/** Events of the nodes, as a lab's API server has them. */
import { parse } from 'yaml';
import type { Lab } from '../../src/lab/lab.ts';

/** `node1 TunnelNotSupported tunl0: …`, by node. */
export async function nodeEvents(lab: Lab): Promise<string[]> {
  const config = parse(await lab.mustRun('api', ['cat', '/etc/tortie/admin.kubeconfig']));
  const [{ cluster }] = config.clusters;
  const [{ user }] = config.users;
  const path = `${cluster.server}/api/v1/namespaces/default/events`;
  const header = `Authorization: Bearer ${user.token}`;
  const { items } = JSON.parse(await lab.mustRun('api', ['curl', '-skH', header, path])) as {
    items: { involvedObject: { name: string }; reason: string; message: string }[];
  };
  return items
    .map(({ involvedObject, reason, message }) => `${involvedObject.name} ${reason} ${message}`)
    .sort();
}
