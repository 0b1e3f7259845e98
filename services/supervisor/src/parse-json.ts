/** The JSON value in a message, or undefined: its schema then says that it is none. */
export const parseJson = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
};
