// Package routes keeps the routes to the registry: default-route for spec.defaultRoute and one for each entry of
// spec.routes. It is a controller of its own because the API of routes is aggregated and may be absent or down alone:
// nothing else waits for it.
//
// Reads: Config, Routes and Secrets of the operator's namespace.
//
// Writes: Routes that carry the ownership annotation imageregistry.openshift.io. A Route without it is never touched.
//
// Conditions: RoutesReady. True/AsExpected; False/VerificationFailed and False/RouteConflict until somebody changes
// Config, a Secret or the other Route; False/Error while a write fails or a Secret is missing; False/RouteDegraded when
// a router does not admit a route. The registry controller turns it into the core conditions.
//
// Triggers: the three kinds it reads.
package routes
