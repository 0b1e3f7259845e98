/** Why a job cannot be done, in a whole sentence for whoever sent it. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
}
