# shellcheck shell=bash
# Keys and certificates, made with openssl under $pki.

# cert NAME SUBJECT [SUBJECTALTNAMES]: one key and certificate signed by ca.
cert() {
  local name=$1 subject=$2 names=${3:-} ca=${4:-ca}
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$name.key" -subj "$subject" -out "$pki/$name.csr"
  openssl x509 -req -in "$pki/$name.csr" -CA "$pki/$ca.crt" -CAkey "$pki/$ca.key" -CAcreateserial -days 365 \
    -out "$pki/$name.crt" -extfile <(
      echo 'extendedKeyUsage=serverAuth,clientAuth'
      [[ -z $names ]] || echo "subjectAltName=$names")
}

authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$1.key" -out "$pki/$1.crt" -days 365 -subj "/CN=$1" \
    -addext keyUsage=critical,keyCertSign,cRLSign
}

# KServe's webhooks are asked over TLS by this name.
kserve_certificate() {
  cert kserve-webhook /CN=kserve-webhook-server-service.kserve.svc DNS:kserve-webhook-server-service.kserve.svc
}
