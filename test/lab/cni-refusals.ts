/** What the CNI plugin refuses, in words that say why, and that a refusal costs nobody an address. */
import type { Lab } from '../../src/lab/lab.ts';
import { addPod, addressesOf, CONF, callPlugin, handles, variablesOf } from './cni-calls.ts';

/** Tests on node1 of the lab, whose pool has 10.244.0.0/16. */
export function refusals(lab: () => Lab): void {
  let refused = 0;
  test.each<[annotation: string, value: string, because: RegExp]>([
    ['ipAddrs', '10.244.9.9', /10\.244\.9\.9 is not a list/],
    ['ipAddrs', '["192.0.2.1"]', /192\.0\.2\.1 that was asked for lies in no IPPool/],
    ['ipAddrs', '["10.244.9.9","fd99::1"]', /fd99::1 that was asked for lies in no IPPool/],
    ['ipv4pools', '["nowhere"]', /the IPPool "nowhere" that was asked for does not exist/],
    ['ipv4pools', '["pods-ipv6"]', /"pods-ipv6" that was asked for has no IPv4 addresses/],
    ['ipv6pools', '{', /\{ is not a list/],
    ['hwAddr', '02:00', /"02:00" is not a MAC address/],
    ['allowedSourcePrefixes', '["10.0.0.1/24"]', /"10\.0\.0\.1\/24" is not a prefix/],
  ])('an annotation %s: %s is named with its fault, and nothing is left', async (...given) => {
    const [annotation, value, because] = given;
    const pod = `refused-${++refused}`;
    const { code, answer } = await addPod(lab(), 'node1', pod, { [annotation]: value });
    expect(code).toBe(1);
    expect(answer.msg).toMatch(because);
    expect(answer.msg).toContain(
      `annotation cni.projectcalico.org/${annotation} of pod default/${pod}`,
    );
    expect(await lab().mustRun('node1', ['ip', '-n', pod, '-o', 'link'])).not.toMatch('eth0');
  });

  test('and none of these pods holds an address', async () => {
    expect(await handles(lab())).not.toMatch('c-refused');
  });

  test('a pod whose sandbox has such an interface already: its address is free again', async () => {
    await lab().mustRun('node1', ['ip', 'netns', 'add', 'occupied']);
    await lab().mustRun('node1', ['ip', '-n', 'occupied', 'link', 'add', 'eth0', 'type', 'bridge']);
    const { code, answer } = await callPlugin(lab(), 'node1', 'ADD', variablesOf('occupied'));
    expect([code, answer.msg]).toEqual([1, expect.stringMatching(/has an interface eth0/)]);
    expect(await handles(lab())).not.toMatch('c-occupied');
  });

  test('a second interface of one network: neither its ADD nor its DEL frees the first one’s address', async () => {
    await lab().mustRun('node1', ['ip', 'netns', 'add', 'twice']);
    const first = await callPlugin(lab(), 'node1', 'ADD', variablesOf('twice'));
    const second = variablesOf('twice', 'net1');
    const { code, answer } = await callPlugin(lab(), 'node1', 'ADD', second);
    expect([code, answer.msg]).toEqual([1, expect.stringMatching(/has interface eth0 already/)]);
    expect(await handles(lab())).toMatch('tortie.c-twice');
    expect((await callPlugin(lab(), 'node1', 'DEL', second)).code).toBe(0);
    expect(await handles(lab())).toMatch('tortie.c-twice');
    const again = await callPlugin(lab(), 'node1', 'ADD', variablesOf('twice'));
    expect(addressesOf(again)).toEqual(addressesOf(first));
    expect((await callPlugin(lab(), 'node1', 'DEL', variablesOf('twice'))).code).toBe(0);
    expect(await handles(lab())).not.toMatch('c-twice');
  });

  test('CHECK of a pod whose default route somebody deleted, and of one with another’s address', async () => {
    await lab().mustRun('node1', ['ip', 'netns', 'add', 'checked']);
    const { answer: prevResult } = await callPlugin(lab(), 'node1', 'ADD', variablesOf('checked'));
    const check = (result: object) =>
      callPlugin(lab(), 'node1', 'CHECK', variablesOf('checked'), { ...CONF, prevResult: result });
    expect(await check(prevResult)).toEqual({ code: 0, answer: undefined });
    const [ip] = prevResult.ips;
    expect(
      (await check({ ...prevResult, ips: [{ ...ip, address: '10.244.9.9/32' }] })).answer,
    ).toMatchObject({
      code: 101,
      msg: expect.stringMatching(/prevResult has 10\.244\.9\.9\/32/),
    });
    await lab().mustRun('node1', ['ip', '-n', 'checked', 'route', 'del', 'default']);
    expect((await check(prevResult)).answer).toMatchObject({
      code: 101,
      msg: expect.stringMatching(
        /default\/checked: the pod has no default route via 169\.254\.1\.1/,
      ),
    });
  });

  test('STATUS of a conf by which no family has addresses: an ADD would fail, code 50', async () => {
    const ipam = { assign_ipv4: false, assign_ipv6: false };
    const { code, answer } = await callPlugin(lab(), 'node1', 'STATUS', {}, { ...CONF, ipam });
    expect([code, answer.code]).toEqual([1, 50]);
  });
}
