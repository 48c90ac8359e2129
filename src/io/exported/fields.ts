/** Typed access to what a JSON part says; every part of it may be missing or of another type. */
import { InputError } from "../../errors.js";
import type { Json, JsonObject } from "./json.js";

const MAX_NAME = 2048;

/** A value of a part, with the way to it for messages. */
export class Field {
  constructor(readonly file: string, readonly where: string, readonly json: Json | undefined) {}

  refuse(): never {
    throw new InputError(this.file, `is not of the form that torch.export.save writes (at ${this.where}); export it again, with PyTorch 2.6 or later`);
  }

  /** An entry of an object; what is absent is an empty field. */
  get(key: string): Field {
    return new Field(this.file, `${this.where}.${key}`, this.object().get(key));
  }

  object(): JsonObject {
    return this.json instanceof Map ? this.json : this.refuse();
  }

  entries(): [key: string, field: Field][] {
    return [...this.object()].map(([key, json]) => [key.length <= MAX_NAME ? key : this.refuse(), new Field(this.file, `${this.where}.${key.slice(0, 80)}`, json)]);
  }

  /** The one entry of an object that stands for one of several types; the schema's unions are written so. */
  union(): { key: string; field: Field } {
    const [[key, field] = this.refuse(), ...more] = this.entries();
    return more.length === 0 ? { key, field } : this.refuse();
  }

  list(): Field[] {
    return Array.isArray(this.json) ? this.json.map((json, i) => new Field(this.file, `${this.where}[${i}]`, json)) : this.refuse();
  }

  isThere(): boolean {
    return this.json !== undefined && this.json !== null;
  }

  text(): string {
    return typeof this.json === "string" ? this.json : this.refuse();
  }

  /** A text that names something. */
  name(): string {
    const text = this.text();
    return text.length > 0 && text.length <= MAX_NAME ? text : this.refuse();
  }

  boolean(): boolean {
    return typeof this.json === "boolean" ? this.json : this.refuse();
  }

  /** A whole number; one beyond 2^53, such as the open end of a slice, is infinite. */
  integer(): number {
    if (typeof this.json === "bigint") return this.json > 0n ? Infinity : -Infinity;
    return Number.isSafeInteger(this.json) ? (this.json as number) : this.refuse();
  }

  /** A number; newer versions write infinite ones as texts. */
  float(): number {
    if (typeof this.json === "bigint") return Number(this.json);
    if (typeof this.json === "number") return this.json;
    const infinite = { Infinity: Infinity, "-Infinity": -Infinity, NaN }[this.text()];
    return infinite === undefined ? this.refuse() : infinite;
  }
}
