import { InputError } from "../../errors.js";
import { FileSource } from "../source.js";

const MAX_FILE = 1 << 20;

/**
 * Checks a JPEG file's header and returns the file's bytes. Throws InputError if it is not a JPEG, is larger than any small
 * image, has another size than `width` x `height`, or is neither gray nor of three colours; nothing is decoded yet.
 */
export function readJpeg(path: string, width: number, height: number): Uint8Array {
  using source = new FileSource(path, MAX_FILE);
  const bytes = source.read(0, source.size);
  const frame = findFrame(bytes);
  if (frame === null) throw new InputError(path, "is not a JPEG image or is cut short; download it again");
  if (frame.width !== width || frame.height !== height) {
    throw new InputError(path, `is an image of ${frame.width}x${frame.height} pixels where ${width}x${height} are expected; nothing is resized`);
  }
  if (frame.components !== 1 && frame.components !== 3) throw new InputError(path, `has ${frame.components} colour components where 1 or 3 are known; convert it to RGB`);
  return bytes;
}

/** Looks for the start-of-frame segment. */
function findFrame(bytes: Uint8Array): { width: number; height: number; components: number } | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 10 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: bytes[at + 9] };
    if (marker === 0xd9 || marker === 0xda) return null;
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** Decodes a JPEG that `readJpeg` has checked. Returns CHW bytes of three planes, gray repeated, as PIL's convert("RGB") gives. */
export type JpegDecoder = (path: string, jpeg: Uint8Array, width: number, height: number) => Promise<Uint8Array>;

/** Loads the decoder (libjpeg-turbo in sharp). Done on demand, so that other datasets do not need its binaries. */
export async function loadJpegDecoder(): Promise<JpegDecoder> {
  const { default: sharp } = await import("sharp");
  return async (path, jpeg, width, height) => {
    let decoded;
    try {
      // Embedded profiles are ignored because PIL ignores them; a warning of the decoder means damaged data.
      decoded = await sharp(jpeg, { failOn: "warning", limitInputPixels: width * height, ignoreIcc: true }).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
    } catch (error) {
      throw new InputError(path, "is a damaged JPEG image; download it again", { cause: error });
    }
    const { data, info } = decoded;
    const plane = width * height;
    if (info.channels !== 3 || data.length !== 3 * plane) throw new InputError(path, "does not decode to what its header declares; download it again");
    const out = new Uint8Array(3 * plane);
    for (let i = 0; i < plane; i++) for (let channel = 0; channel < 3; channel++) out[channel * plane + i] = data[3 * i + channel];
    return out;
  };
}
