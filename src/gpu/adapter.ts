/** What is told of an adapter. Plain data, so that the library's types ask for none of WebGPU's. */
export interface AdapterSummary {
  index: number;
  name: string;
  vendor: string;
  architecture: string;
  description: string;
  backend: string;
  type: "discrete" | "integrated" | "software" | "unknown";
  software: boolean;
  limits: Record<string, number>;
  features: string[];
}

/** The software adapter that takes most of its time for compiling. */
export const isSwiftShader = ({ name, description }: Pick<AdapterSummary, "name" | "description">): boolean => /swiftshader/i.test(`${name} ${description}`);
