/** The datastore's contract on the embedded API server. */
import { contract } from './contract.ts';
import { startEmbeddedUnderTest } from './embedded.ts';

contract('embedded API server', startEmbeddedUnderTest, {
  holdsEveryRule: true,
  listsByWatch: true,
});
