// Tags by their numbers as ownCloud's SDK drives them. Takes {url, user, password} and prints what it saw, as JSON.
import { createRequire } from 'node:module'

const { url, user, password } = JSON.parse(process.argv.at(-1))
globalThis.self = globalThis.window = globalThis
const Client = createRequire(import.meta.url)('owncloud-sdk')
const oc = new Client({ baseUrl: url, auth: { basic: { username: user, password } }, userInfo: { id: user } })
oc.init({ baseUrl: url, auth: { basic: { username: user, password } } })
await oc.login()
const { files, systemTags } = oc
const at = (path) => `/files/${user}${path}`
const fileId = '{http://owncloud.org/ns}fileid'
const id = async (path) => (await files.fileInfo(at(path), [fileId])).getFileId()
const names = async (...tags) => (await files.getFilesByTags(tags, [fileId])).map((one) => one.getName()).sort()
const failed = (promise) => promise.then(() => 'done', (error) => error.message)
await files.createFolder(at('/tags'))
for (const name of ['a.txt', 'b.txt', 'c.txt']) await files.putFileContents(at(`/tags/${name}`), name)
const red = await systemTags.createTag({ name: 'red' })
const blue = await systemTags.createTag({ name: 'blue & ü' })
const saw = { numbers: Number.isInteger(red) && red !== blue, again: await failed(systemTags.createTag({ name: 'red' })) }
await systemTags.tagFile(await id('/tags/a.txt'), red)
await systemTags.tagFile(await id('/tags/b.txt'), red)
await systemTags.tagFile(await id('/tags/b.txt'), blue)
saw.red = await names(red)
saw.both = await names(red, blue)
saw.none = await failed(systemTags.tagFile(await id('/tags/c.txt'), 999999))
await files.move(at('/tags'), at('/moved'))
saw.moved = await names(blue)
await files.delete(at('/moved'))
console.log(JSON.stringify(saw))
process.exit()
