/** Our own resources as the server serves them: everything is read from their descriptors. */
import { CUSTOM_RESOURCES, type CustomResource } from '../../api/index.ts';
import { ALL_VERBS, type Served } from './served.ts';
import { customColumn, NAME_COLUMN } from './table.ts';

export function ourResources(): Served[] {
  return CUSTOM_RESOURCES.map(serve);
}

function serve(custom: CustomResource): Served {
  return {
    type: custom,
    singular: custom.singular,
    shortNames: custom.shortNames,
    categories: ['tortie'],
    verbs: ALL_VERBS,
    hasStatus: custom.hasStatus,
    custom,
    hasGeneration: true,
    allowsUnconditionalUpdate: false,
    nameForm: 'subdomain',
    fields: {},
    columns: [NAME_COLUMN, ...custom.columns.map(customColumn)],
  };
}
