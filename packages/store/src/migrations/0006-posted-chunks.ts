/**
 * The post of RunPod's protocol that brought a chunk. It carries no number, so that only this tells
 * a statement that comes late, its connection given up long ago, from one chunk more. Its claim is
 * not in the index: a post must not come into a later one either.
 */
export const postedChunks = `
alter table stream_chunks add column post_id uuid;
create unique index stream_chunks_post on stream_chunks (endpoint_id, job_id, post_id)
  where post_id is not null;
`;
