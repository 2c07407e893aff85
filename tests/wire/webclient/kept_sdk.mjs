// Trash and versions as ownCloud's SDK drives them, on ownCloud 10's addresses. Takes {url, user, password}, prints JSON.
import { createRequire } from 'node:module'

const { url, user, password } = JSON.parse(process.argv.at(-1))
globalThis.self = globalThis.window = globalThis
const Client = createRequire(import.meta.url)('owncloud-sdk')
const oc = new Client({ baseUrl: url, auth: { basic: { username: user, password } }, userInfo: { id: user } })
oc.init({ baseUrl: url, auth: { basic: { username: user, password } } })
await oc.login()
const saw = {}
const files = `/files/${user}`
const bin = `/trash-bin/${user}`
await oc.files.createFolder(`${files}/sdk`)
await oc.files.putFileContents(`${files}/sdk/a.txt`, 'first')
await oc.files.putFileContents(`${files}/sdk/a.txt`, 'second', { overwrite: true })
const info = await oc.files.fileInfo(`${files}/sdk/a.txt`, ['{http://owncloud.org/ns}fileid'])
const id = info.getFileId()
const versions = await oc.fileVersions.listVersions(id)
saw.versions = versions.map((one) => one.getSize())
const key = versions[0].getName()
saw.former = await oc.fileVersions.getFileVersionContents(id, key)
await oc.fileVersions.restoreFileVersion(id, key, 'sdk/a.txt')
saw.restored = await oc.files.getFileContents(`${files}/sdk/a.txt`)
await oc.files.delete(`${files}/sdk/a.txt`)
const origin = '{http://owncloud.org/ns}trashbin-original-location'
// What others left there does not count.
const inside = async () => (await oc.fileTrash.list(bin)).slice(1).filter((one) => one.getProperty(origin).startsWith('sdk'))
const trash = await inside()
saw.trash = trash.map((one) => [
  one.getProperty('{http://owncloud.org/ns}trashbin-original-filename'),
  one.getProperty(origin)
])
await oc.fileTrash.restore(bin, trash[0].getName(), `${files}/sdk/a.txt`)
saw.back = await oc.files.getFileContents(`${files}/sdk/a.txt`)
await oc.files.delete(`${files}/sdk`)
try {
  await oc.fileTrash.clearTrashBin(bin)
} catch (error) {
  saw.kept = error.statusCode
}
saw.end = (await inside()).length
console.log(JSON.stringify(saw))
