/** BIRD 2. */

import { type Host, until } from './host.ts';

/** A route as BIRD shows it. */
export interface BirdRoute {
  readonly prefix: string;
  /** By BIRD's names: `BGP.as_path`, `BGP.next_hop`, … */
  readonly attributes: Readonly<Record<string, string>>;
}

export class Bird {
  readonly host: Host;
  readonly #socket: string;

  constructor(host: Host) {
    this.host = host;
    this.#socket = `${host.folder}/bird.ctl`;
  }

  /** Waits until BIRD answers. */
  async start(config: string, ...options: string[]): Promise<void> {
    await this.host.up();
    const file = this.host.write('bird.conf', config);
    this.host.spawn(['bird', '-f', '-c', file, '-s', this.#socket, ...options]);
    await until('BIRD to answer', async () => (await this.ask('show status')) !== '');
  }

  /** Puts another configuration in force, as `birdc configure` does. */
  async configure(config: string): Promise<string> {
    this.host.write('bird.conf', config);
    return this.ask('configure');
  }

  ask(...command: string[]): Promise<string> {
    return this.host.run('birdc', '-s', this.#socket, ...command);
  }

  /** How many routes `show route … count` tells, over all tables that it names. */
  async count(...what: string[]): Promise<number> {
    const answer = await this.ask('show', 'route', ...what, 'count');
    const counts = [...answer.matchAll(/^(\d+) of \d+ routes .* in table/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** The best routes, with all attributes. */
  async routes(...what: string[]): Promise<BirdRoute[]> {
    const found: { prefix: string; attributes: Record<string, string> }[] = [];
    for (const line of (await this.ask('show route', ...what, 'primary all')).split('\n')) {
      const prefix = /^([0-9a-f.:]+\/\d+)\s/.exec(line)?.[1];
      if (prefix) found.push({ prefix, attributes: {} });
      const attribute = /^\t([A-Za-z_.0-9[\] ]+?): (.*)$/.exec(line);
      if (attribute) found.at(-1)!.attributes[attribute[1]!] = attribute[2]!;
    }
    return found;
  }
}
