/**
 * Put in front of the program by `node --import`: the device is lost at the submissions that INFERLINK_LOSE names
 * (`4,9`, or `2-` for that one and all that follow), counted over all devices of the process.
 */
import "../../src/gpu/device.js"; // Dawn's classes as globals

const wanted = process.env.INFERLINK_LOSE ?? "";
const isLost = (count: number): boolean => wanted.split(",").some((word) => (word.endsWith("-") ? count >= parseInt(word) : count === parseInt(word)));

const { requestDevice } = GPUAdapter.prototype;
const { submit } = GPUQueue.prototype;
let device: GPUDevice | null = null;
let count = 0;

GPUAdapter.prototype.requestDevice = async function (descriptor) {
  return (device = await requestDevice.call(this, descriptor));
};
GPUQueue.prototype.submit = function (buffers) {
  if (isLost((count += 1))) device?.destroy();
  return submit.call(this, buffers);
};
