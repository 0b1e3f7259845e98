import { type Static, Type } from 'typebox';
import { EndpointIdSchema } from './ids.ts';

export const SCOPES = ['submit', 'read', 'admin', 'worker'] as const;
export type Scope = (typeof SCOPES)[number];

const Scopes = Type.Array(Type.Enum(SCOPES), {
  minItems: 1,
  maxItems: SCOPES.length,
});

export const CreateKeySchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    scopes: Scopes,
    endpoints: Type.Optional(
      Type.Union([Type.Array(EndpointIdSchema, { minItems: 1, maxItems: 1_000 }), Type.Null()]),
    ),
    expiresAt: Type.Optional(
      Type.Union([
        Type.String({ maxLength: 40, description: 'ISO 8601, in UTC where it names no zone.' }),
        Type.Null(),
      ]),
    ),
  },
  { additionalProperties: false },
);
export type CreateKey = Static<typeof CreateKeySchema>;

export const KeySchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Scopes,
  endpoints: Type.Union([Type.Array(EndpointIdSchema), Type.Null()]),
  createdAt: Type.String(),
  expiresAt: Type.Union([Type.String(), Type.Null()]),
  revokedAt: Type.Union([Type.String(), Type.Null()]),
});
export type KeyRecord = Static<typeof KeySchema>;
