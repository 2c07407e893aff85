// Uploads one file with tus-js-client:
//
//     node upload.mjs '{"file": "...", "options": {...}, ...}'
//
// `options` are the library's own. Besides:
//     stream      true: the library is given a stream, and no length
//     checksum    an algorithm: each chunk gets an Upload-Checksum
//     storage     a file that keeps addresses of uploads; a previous upload of the same file is continued
//     pauseAt     abort when so many bytes were accepted, and start again
//
// A line on the standard input aborts the upload. The outcome is printed as JSON.
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import tus from 'tus-js-client'

const { file, options, stream, checksum, storage, pauseAt } = JSON.parse(process.argv[2])
const size = statSync(file).size

// The digest of the chunk that begins at `offset`.
function digest(offset) {
  const chunk = Buffer.alloc(Math.min(options.chunkSize ?? size, size - offset))
  const opened = openSync(file)
  readSync(opened, chunk, 0, chunk.length, offset)
  closeSync(opened)
  return createHash(checksum).update(chunk).digest('base64')
}

function end(outcome) {
  console.log(JSON.stringify({ url: upload.url, ...outcome }))
  process.exit()
}

let paused = false
const content = createReadStream(file)
const upload = new tus.Upload(stream ? content.pipe(new PassThrough()) : content, {
  ...options,
  ...(storage && { urlStorage: new tus.FileUrlStorage(storage) }),
  onBeforeRequest(request) {
    if (checksum && request.getHeader('Content-Type') === 'application/offset+octet-stream') {
      request.setHeader('Upload-Checksum', `${checksum} ${digest(Number(request.getHeader('Upload-Offset') ?? 0))}`)
    }
  },
  async onChunkComplete(_, accepted) {
    if (pauseAt && accepted >= pauseAt && !paused) {
      paused = true
      await upload.abort()
      upload.start()
    }
  },
  onSuccess: () => end({ outcome: 'success' }),
  onError: (error) => end({ outcome: error.message }),
})

process.stdin.once('data', async () => {
  await upload.abort()
  end({ outcome: 'aborted' })
})
if (storage) {
  const [previous] = await upload.findPreviousUploads()
  if (previous) upload.resumeFromPreviousUpload(previous)
}
upload.start()
