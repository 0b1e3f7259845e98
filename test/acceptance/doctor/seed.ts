import type { TestPostgres } from '../../support/postgres.ts';
import type { Switchyard } from '../../support/start-switchyard.ts';
import type { Checks } from '../support/checks.ts';
import type { Diagnosis } from './run-doctor.ts';

/** A running system, and the doctor with the environment of its operator. */
export type Patient = {
  readonly checks: Checks;
  readonly switchyard: Switchyard;
  readonly postgres: TestPostgres;
  readonly databaseUrl: string;
  /** For files of a seed's own; removed at the end. */
  readonly folder: string;
  /** Runs the doctor with what differs from the environment that is right. */
  examine(env?: Readonly<Record<string, string>>, prefix?: readonly string[]): Promise<Diagnosis>;
  /** Runs another command of Switchyard. @returns its exit code and what it printed. */
  run(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<{ readonly exitCode: number | null; readonly text: string }>;
};
