// Files as ownCloud's SDK drives them, on ownCloud 10's addresses. Takes {url, user, password} and prints what it saw, as JSON.
import { createRequire } from 'node:module'

const { url, user, password } = JSON.parse(process.argv.at(-1))
globalThis.self = globalThis.window = globalThis
const Client = createRequire(import.meta.url)('owncloud-sdk')
const oc = new Client({ baseUrl: url, auth: { basic: { username: user, password } }, userInfo: { id: user } })
oc.init({ baseUrl: url, auth: { basic: { username: user, password } } })
await oc.login()
const { files } = oc
const at = (path) => `/files/${user}${path}`
const names = async (path) => (await files.list(at(path), '1')).slice(1).map((one) => one.getName()).sort()
const saw = { user: (await oc.getCurrentUser()).id }
await files.createFolder(at('/one'))
await files.createFolder(at('/one/two & ü'))
await files.putFileContents(at('/one/a #1.txt'), 'content')
saw.one = await names('/one')
saw.content = await files.getFileContents(at('/one/a #1.txt'))
const id = async (path) => (await files.fileInfo(at(path), ['{http://owncloud.org/ns}fileid'])).getFileId()
const first = await id('/one/a #1.txt')
await files.move(at('/one/a #1.txt'), at('/one/two & ü/b.txt'))
saw.moved = (await id('/one/two & ü/b.txt')) === first
saw.path = await files.getPathForFileId(first)
await files.copy(at('/one'), at('/copy'))
saw.copied = await files.getFileContents(at('/copy/two & ü/b.txt'))
try {
  await files.copy(at('/one'), at('/copy'))
} catch (error) {
  saw.taken = error.statusCode
}
await files.delete(at('/one/two & ü'))
saw.left = await names('/one')
await files.delete(at('/one'))
await files.delete(at('/copy'))
saw.end = await names('')
console.log(JSON.stringify(saw))
