package names

// OperatorTLSSecret is the serving certificate of the operator's own endpoint, made by the service CA.
const OperatorTLSSecret = "image-registry-operator-tls"
