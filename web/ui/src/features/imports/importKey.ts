/** Where one import is kept of what was read. */
export const importKey = (id: number) => ['get', '/api/v1/imports/{id}', { params: { path: { id } } }]
