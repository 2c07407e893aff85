// Spaces and files as ownCloud Web's own library drives them, and the one that OpenCloud has made of it. Takes {url, user, password,
// library} and prints what it saw, as JSON.
import axios from 'axios'

const { url, user, password, library } = JSON.parse(process.argv[2])
const { graph } = await import(`${library}/graph`)
const { webdav } = await import(`${library}/webdav`)
const headers = { Authorization: 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64') }
const calls = graph(url, axios.create({ headers }))
const client = library.startsWith('@ownclouders') ? webdav(url, () => {}, () => headers) : webdav(url, () => headers)
const saw = { me: (await calls.users.getMe()).onPremisesSamAccountName }

const drives = await calls.drives.listMyDrives({})
saw.drives = drives.map(({ driveType, name }) => [driveType, name]).sort()
const [space] = drives.filter(({ driveType }) => driveType === 'personal')
saw.same = (await calls.drives.getDrive(space.id, {})).webDavPath === space.webDavPath

const list = async (path) => {
  const { resource, children } = await client.listFiles(space, { path })
  const shown = children.map((one) => [one.path, one.isFolder ? 'folder' : Number(one.size)]).sort()
  return { etag: resource.etag, shown }
}
const text = async (path) => (await client.getFileContents(space, { path })).body
const refused = async (call) => {
  try {
    await call()
  } catch (error) {
    return error.statusCode ?? error.response?.status
  }
}
await client.createFolder(space, { path: '/one' })
await client.createFolder(space, { path: '/one/two & ü' })
const put = await client.putFileContents(space, { path: '/one/a #1.txt', content: 'content' })
saw.put = { name: put.name, size: Number(put.size), id: Boolean(put.fileId), permissions: put.permissions.includes('W') }
const before = await list('/')
saw.root = before.shown
saw.one = (await list('/one')).shown
saw.content = await text('/one/a #1.txt')
const again = await client.putFileContents(space, { path: '/one/a #1.txt', content: 'content 2', previousEntityTag: put.etag })
saw.replaced = { id: again.fileId === put.fileId, etag: again.etag !== put.etag, root: (await list('/')).etag !== before.etag }
saw.stale = await refused(() =>
  client.putFileContents(space, { path: '/one/a #1.txt', content: 'lost', previousEntityTag: put.etag })
)
await client.moveFiles(space, { path: '/one/a #1.txt' }, space, { path: '/one/two & ü/b.txt' })
saw.moved = (await client.getFileInfo(space, { path: '/one/two & ü/b.txt' })).fileId === put.fileId
saw.path = await client.getPathForFileId(put.fileId)
await client.copyFiles(space, { path: '/one' }, space, { path: '/copy' })
saw.copied = await text('/copy/two & ü/b.txt')
saw.other = (await client.getFileInfo(space, { path: '/copy/two & ü/b.txt' })).fileId !== put.fileId
saw.taken = await refused(() => client.copyFiles(space, { path: '/one' }, space, { path: '/copy' }))
await client.moveFiles(space, { path: '/copy' }, space, { path: '/one/copy' })
await client.deleteFile(space, { path: '/one/two & ü/b.txt' })
saw.gone = await refused(() => client.getFileInfo(space, { path: '/one/two & ü/b.txt' }))
saw.left = (await list('/one')).shown
saw.inside = (await list('/one/copy/two & ü')).shown
await client.deleteFile(space, { path: '/one' })
saw.end = (await list('/')).shown
console.log(JSON.stringify(saw))
