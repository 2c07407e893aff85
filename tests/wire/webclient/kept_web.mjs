// Trash and versions as ownCloud Web's own library drives them, and OpenCloud's. Takes {url, user, password, library} and prints
// what it saw, as JSON. All happens in `folder`.
const { url, user, password, library, folder } = JSON.parse(process.argv[2])
const { DavProperties, webdav } = await import(`${library}/webdav`)
const login = 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64')
const headers = () => ({ Authorization: login })
const client = library.startsWith('@ownclouders') ? webdav(url, () => {}, headers) : webdav(url, headers)
const id = `home$${user}`
const space = { id, fileId: id, driveType: 'personal', webDavPath: `/spaces/${id}`, webDavTrashPath: `/spaces/trash-bin/${id}` }
const text = async (path) => (await client.getFileContents(space, { path })).body
// What others left there does not count.
const bin = async () => {
  const { children } = await client.listFiles(space, {}, { isTrash: true, davProperties: DavProperties.Trashbin })
  return children.filter(({ path }) => path.startsWith(folder))
}

await client.createFolder(space, { path: folder })
await client.putFileContents(space, { path: `${folder}/a & b.txt`, content: 'first' })
const file = await client.putFileContents(space, { path: `${folder}/a & b.txt`, content: 'second', overwrite: true })
const saw = { path: await client.getPathForFileId(file.fileId) }

const versions = await client.listFileVersions(file.fileId)
saw.versions = versions.map(({ size, mdate, name }) => ({ size, mdate: Boolean(mdate), name }))
await client.restoreFileVersion(space, file, versions[0].name)
saw.restored = await text(`${folder}/a & b.txt`)

await client.deleteFile(space, { path: `${folder}/a & b.txt` })
const trash = await bin()
saw.trash = trash.map(({ name, path, ddate, size, isFolder, type }) => ({ name, path, ddate, size: Number(size), isFolder, type }))
await client.putFileContents(space, { path: `${folder}/a & b.txt`, content: 'in the way' })
try {
  await client.restoreFile(space, trash[0], { path: trash[0].path }, { overwrite: false })
} catch (error) {
  saw.taken = error.statusCode
}
await client.restoreFile(space, trash[0], { path: trash[0].path }, { overwrite: true })
saw.back = await text(`${folder}/a & b.txt`)
saw.same = (await client.getFileInfo(space, { path: `${folder}/a & b.txt` })).fileId === file.fileId

await client.deleteFile(space, { path: folder })
const full = await bin()
saw.left = full.map(({ path }) => path).sort()
try {
  await client.clearTrashBin(space, { id: full[0].id })
  saw.fewer = (await bin()).length
  await client.clearTrashBin(space)
} catch (error) {
  saw.kept = error.statusCode
}
saw.end = (await bin()).length
console.log(JSON.stringify(saw))
