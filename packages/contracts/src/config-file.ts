import { type Static, Type } from 'typebox';
import { EndpointSettingsSchema } from './endpoint.ts';

const strict = { additionalProperties: false } as const;

/** How a supervisor starts a worker process; read only from the file on its own machine. */
export const WorkerTemplateSchema = Type.Object(
  {
    command: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      maxItems: 1_000,
    }),
    cwd: Type.Optional(Type.String({ minLength: 1 })),
    env: Type.Optional(Type.Record(Type.String(), Type.String())),
    killAfterMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000 })),
  },
  strict,
);
export type WorkerTemplate = Static<typeof WorkerTemplateSchema>;

/** `switchyard.yaml`, whole. */
export const ConfigFileSchema = Type.Object(
  {
    endpoints: Type.Optional(Type.Record(Type.String(), EndpointSettingsSchema)),
    workerTemplates: Type.Optional(Type.Record(Type.String(), WorkerTemplateSchema)),
    webhooks: Type.Optional(
      Type.Object(
        {
          allowPrivateTargets: Type.Optional(Type.Array(Type.String(), { maxItems: 1_000 })),
        },
        strict,
      ),
    ),
  },
  strict,
);
export type ConfigFile = Static<typeof ConfigFileSchema>;
