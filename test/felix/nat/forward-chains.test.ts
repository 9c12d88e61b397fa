import { parsePrefix } from 'net-ipaddr';
import { droppingChains } from '../../../felix/nat/forward-chains.ts';

const POOLS = ['10.244.0.0/16'].map(parsePrefix);

/** A table as nft lists it. */
function table(name: string, policy: string, ...rules: string[]): string {
  return `table ${name} {
\tchain DOCKER-USER {
\t\tcounter return
\t}

\tchain FORWARD {
\t\ttype filter hook forward priority filter; policy ${policy};
\t\tcounter jump DOCKER-USER
${rules.map((rule) => `\t\t${rule}\n`).join('')}\t}

\tchain INPUT {
\t\ttype filter hook input priority filter; policy drop;
\t}
}
`;
}

const IPTABLES = 'iptables -I FORWARD -i cali+ -j ACCEPT; iptables -I FORWARD -o cali+ -j ACCEPT';

test.each<[string, string, string | undefined]>([
  ['Docker: policy drop', table('ip filter', 'drop', 'iifname "docker0" accept'), IPTABLES],
  ['the same of a family without pools', table('ip6 filter', 'drop'), undefined],
  ['policy accept', table('ip filter', 'accept'), undefined],
  [
    'a last rule that rejects, as firewalld’s',
    table(
      'inet firewalld',
      'accept',
      'ct state established accept',
      'reject with icmpx admin-prohibited',
    ),
    'nft insert rule inet firewalld FORWARD iifname \'"cali*"\' accept; ' +
      'nft insert rule inet firewalld FORWARD oifname \'"cali*"\' accept',
  ],
  [
    'a drop with a condition',
    table('ip filter', 'accept', 'ct state invalid counter drop'),
    undefined,
  ],
  ['the cure', table('ip filter', 'drop', 'iifname "cali*" counter accept'), undefined],
  [
    'the pool by its prefix',
    table('ip filter', 'drop', 'ip saddr 10.244.0.0/16 accept'),
    undefined,
  ],
  ['all is accepted', table('ip filter', 'drop', 'counter accept'), undefined],
])('%s', (_, listing, cure) => {
  const found = droppingChains(listing, POOLS);
  if (cure === undefined) expect(found).toEqual([]);
  else
    expect(found).toEqual([
      {
        subject: expect.stringContaining('"FORWARD"'),
        reason: expect.stringContaining(`run: ${cure}`),
      },
    ]);
});
