import { programOf } from "./clients.ts";

/** A self-signed certificate for localhost and 127.0.0.1, in files that go with it. */
export interface Certificate extends AsyncDisposable {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Runs the openssl program in a folder; throws if it fails. */
export async function openssl(cwd: string, args: readonly string[]): Promise<void> {
  const command = new Deno.Command(programOf("openssl"), { args: [...args], cwd, stderr: "piped" });
  const { success, stderr } = await command.output();
  if (!success) {
    throw new Error(`Cannot run openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

/** Makes a self-signed certificate and its key, `name.pem` and `name.key`, in a folder. */
export async function makePair(
  folder: string,
  name: string,
  key: readonly string[] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
): Promise<void> {
  const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
  const subject = ["-subj", `/CN=${name}`, "-days", "2", "-nodes"];
  await openssl(folder, ["req", "-x509", ...key, ...files, ...subject]);
}

/**
 * Makes a CA, `ca.pem`, and a pair `name.pem` and `name.key` for each name that it signs.
 * @param names each is also the DNS name of its certificate
 */
export async function makeAuthority(folder: string, names: readonly string[]): Promise<void> {
  await makePair(folder, "ca");
  for (const name of names) {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const request = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`];
    await openssl(folder, ["req", ...key, ...request]);
    await Deno.writeTextFile(`${folder}/${name}.ext`, `subjectAltName=DNS:${name}\n`);
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    const files = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", `${name}.ext`];
    await openssl(folder, ["x509", "-req", ...files, ...signed]);
  }
}

export interface Signing {
  /** The name of the issuer's pair. */
  readonly by: string;
  /** The times between which it is valid, such as `20200101000000Z`; from now for two days. */
  readonly from?: string;
  readonly to?: string;
}

/** Makes a certificate that another one of the folder signs, and its key. It may sign others. */
export async function makeSigned(
  folder: string,
  name: string,
  { by, from, to }: Signing,
): Promise<void> {
  await openssl(folder, [
    ...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`],
  ]);
  await Deno.writeTextFile(`${folder}/${name}.cnf`, signingConfig(name));
  await Deno.writeTextFile(`${folder}/${name}.index`, "");
  await Deno.writeTextFile(`${folder}/${name}.serial`, "01\n");
  const times = from === undefined || to === undefined
    ? ["-days", "2"]
    : ["-startdate", from, "-enddate", to];
  await openssl(folder, [
    ...["ca", "-batch", "-notext", "-config", `${name}.cnf`, ...times],
    ...["-cert", `${by}.pem`, "-keyfile", `${by}.key`, "-in", `${name}.csr`],
    ...["-out", `${name}.pem`],
  ]);
}

/** `openssl ca` alone takes the times of a certificate, and wants a register of those it signed. */
function signingConfig(name: string): string {
  return `[ca]
default_ca = own
[own]
database = ${name}.index
serial = ${name}.serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
basicConstraints = CA:true
subjectAltName = DNS:${name}
`;
}

/** Needs the openssl program: Deno's own cryptography makes keys but no certificates. */
export async function makeCertificate(): Promise<Certificate> {
  const folder = await Deno.makeTempDir({ prefix: "signalbox-tls-" });
  const [certFile, keyFile] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  const subject = [
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
  ];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const { success, stderr } = await new Deno.Command(programOf("openssl"), {
    args: ["req", "-x509", ...key, "-keyout", keyFile, "-out", certFile, "-days", "2", ...subject],
    stderr: "piped",
  }).output();
  const remove = () => Deno.remove(folder, { recursive: true });
  if (!success) {
    await remove();
    throw new Error(`Cannot make a certificate: ${new TextDecoder().decode(stderr)}`);
  }
  return { certFile, keyFile, [Symbol.asyncDispose]: remove };
}
