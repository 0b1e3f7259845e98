import type { BrokerReport, StreamReport, StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import type { InspectOptions } from '../open-broker-options.ts';
import { parseAmqpAddress } from './address.ts';
import { type AmqpConnection, openConnection } from './connection.ts';
import { declare, isThere } from './declare.ts';
import { toBrokerError } from './failure.ts';
import { placeOf } from './places.ts';

/** As `inspectBroker` says. @throws BrokerError. */
export const inspectAmqp = async (
  url: string,
  specs: readonly StreamSpec[],
  options: InspectOptions,
): Promise<BrokerReport> => {
  const { name, log, connectTimeoutMs } = options;
  const address = parseAmqpAddress(url);
  const connection = await openConnection({ name, log, address }, connectTimeoutMs);
  try {
    const streams: StreamReport[] = [];
    for (const spec of specs) streams.push(await inspect(connection, spec));
    return { server: connection.server(), streams };
  } catch (error) {
    throw toBrokerError(error, 'looking at its exchanges and queues');
  } finally {
    await connection.close();
  }
};

/** What is there may be declared again: that makes nothing, and tells how it differs. */
const inspect = async (connection: AmqpConnection, spec: StreamSpec): Promise<StreamReport> => {
  const { name } = spec;
  const place = placeOf(spec);
  if (!(await isThere(connection, place))) return { name, state: 'missing', detail: '' };
  try {
    await declare(connection, place);
    return { name, state: 'fine', detail: '' };
  } catch (error) {
    const isWrong = error instanceof BrokerError && error.code === 'broker.conflict';
    if (!isWrong) throw error;
    return { name, state: 'wrong', detail: error.message };
  }
};
