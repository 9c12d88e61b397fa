/**
 * Origin validation of routes from other ASes, RFC 6811. Routes from peers of our own AS were judged
 * where they came into it (§2 leaves it to the configuration which routes are).
 *
 * No route keeps its state: it is a function of the route and the table, and so never out of date.
 */

import type { AttributeView } from 'bgp-parser-ts';
import type { PrefixTable } from 'net-ipaddr';
import type { Validity, VrpTable } from './vrps.ts';

export class OriginValidation {
  readonly rejectsInvalid: boolean;
  readonly #table: VrpTable;
  readonly #localAs: number;
  /** Of the attributes considered last. */
  #originAs = 0;
  #mayRefuse = false;

  constructor(table: VrpTable, localAs: number, rejectsInvalid: boolean) {
    this.#table = table;
    this.#localAs = localAs;
    this.rejectsInvalid = rejectsInvalid;
  }

  /** `refuses` is about routes with these attributes from now on. */
  consider(view: AttributeView, isExternal: boolean): void {
    this.#mayRefuse = this.rejectsInvalid && isExternal;
    if (this.#mayRefuse) this.#originAs = this.#originOf(view);
  }

  /** Whether the route to the prefix with this id in `prefixes` is invalid, and for that rejected. */
  refuses(prefixes: PrefixTable, id: number): boolean {
    return this.#mayRefuse && this.#table.validity(prefixes, id, this.#originAs) === 'invalid';
  }

  validity(prefixes: PrefixTable, id: number, view: AttributeView): Validity {
    return this.#table.validity(prefixes, id, this.#originOf(view));
  }

  /** §2, "Route Origin ASN". */
  #originOf(view: AttributeView): number {
    return view.originAs === 0 ? this.#localAs : view.originAs;
  }
}
