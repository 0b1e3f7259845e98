import { type Breach, type Given, tell } from './breach.ts';

/** Nothing of ours connects to an address that webhooks are kept from, whatever clients ask. */
export const checkTargets = ({ history }: Given): Breach[] =>
  tell(
    'no webhook comes to an address that it is kept from',
    history.strays,
    ({ address, atMs }) => `${address} at ${atMs}`,
  );
