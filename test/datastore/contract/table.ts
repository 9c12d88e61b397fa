import { BGPPeer, ConfigMap, IPAMBlock, IPPool } from '../../../api/index.ts';
import type { Contract } from '../contract.ts';
import { configMap, peer, pool } from './samples.ts';

const AS_TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

interface Table {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string };
  columnDefinitions: { name: string; type: string; format: string; priority: number }[];
  rows: {
    cells: unknown[];
    object: { kind: string; metadata: { name: string }; spec?: unknown };
  }[];
}

export function tableContract(contract: Contract): void {
  const { fresh } = contract;

  async function table(path: string): Promise<Table> {
    const { body } = await contract.store.request({ method: 'GET', path, accept: AS_TABLE });
    expect(body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    return body as Table;
  }

  const cells = ({ columnDefinitions, rows }: Table) =>
    rows.map((row) =>
      Object.fromEntries(columnDefinitions.map(({ name }, i) => [name, row.cells[i]])),
    );

  test('pools, as kubectl get shows them', async () => {
    const name = fresh('table');
    await contract.store.create(IPPool, {
      ...pool(name),
      spec: { cidr: '10.9.0.0/16', blockSize: 26, vxlanMode: 'CrossSubnet', natOutgoing: true },
    });
    const pools = await table(
      `/apis/projectcalico.org/v3/ippools?fieldSelector=metadata.name%3D${name}`,
    );
    expect(pools.columnDefinitions[0]).toMatchObject({
      name: 'Name',
      type: 'string',
      format: 'name',
    });
    expect(cells(pools)).toEqual([
      {
        Name: name,
        CIDR: '10.9.0.0/16',
        Block: 26,
        VXLAN: 'CrossSubnet',
        IPIP: 'Never',
        UDP: 'Never',
        NAT: true,
        Disabled: false,
        Age: expect.stringMatching(/^\d+[smhd]|<invalid>$/),
      },
    ]);
    expect(pools.rows[0]!.object).toMatchObject({
      kind: 'PartialObjectMetadata',
      metadata: { name },
    });
    expect(pools.rows[0]!.object.spec).toBeUndefined();
    expect(pools.metadata.resourceVersion).toMatch(/^\d+$/);
  });

  test('a number, an asdot AS and an absent field each have their cell', async () => {
    const name = fresh('table');
    await contract.store.create(BGPPeer, peer(`${name}-a`, { asNumber: 4294967295 }));
    await contract.store.create(BGPPeer, peer(`${name}-b`, { asNumber: '1.10' }));
    const peers = cells(await table('/apis/projectcalico.org/v3/bgppeers')).filter((row) =>
      String(row.Name).startsWith(name),
    );
    expect(peers).toMatchObject([
      { Name: `${name}-a`, AS: '4294967295', 'Peer IP': '192.0.2.1', Node: null },
      { Name: `${name}-b`, AS: '1.10' },
    ]);
  });

  test('one object is a table of one row', async () => {
    const name = fresh('table');
    await contract.store.create(IPAMBlock, {
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPAMBlock',
      metadata: { name },
      spec: {
        cidr: '10.0.0.0/26',
        affinity: 'host:a',
        allocations: [],
        unallocated: [],
        attributes: [],
      },
    });
    const one = await table(`/apis/projectcalico.org/v3/ipamblocks/${name}`);
    expect(cells(one)).toMatchObject([{ Name: name, CIDR: '10.0.0.0/26', Affinity: 'host:a' }]);
  });

  test('whole objects in the rows, or none, when asked for', async () => {
    const name = fresh('table');
    await contract.store.create(IPPool, pool(name));
    const path = `/apis/projectcalico.org/v3/ippools/${name}`;
    const whole = await table(`${path}?includeObject=Object`);
    expect(whole.rows[0]!.object).toMatchObject({ kind: 'IPPool', spec: { cidr: '10.0.0.0/16' } });
    const none = await table(`${path}?includeObject=None`);
    expect(none.rows[0]!.object ?? null).toBeNull();
  });

  test("Kubernetes' own kinds and pages have tables too", async () => {
    const name = fresh('table');
    await contract.store.create(ConfigMap, configMap(`${name}-a`, { a: '1', b: '2' }));
    await contract.store.create(ConfigMap, configMap(`${name}-b`));
    const path = '/api/v1/namespaces/default/configmaps';
    const page = await table(`${path}?limit=1`);
    expect(page.rows).toHaveLength(1);
    expect(page.metadata.continue).toBeTruthy();
    const one = await table(`${path}/${name}-a`);
    expect(cells(one)).toMatchObject([{ Name: `${name}-a`, Data: 2 }]);
  });
}
